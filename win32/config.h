/* What configure finds out elsewhere, for Visual Studio: nothing of it. */
