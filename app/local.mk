# noapp
