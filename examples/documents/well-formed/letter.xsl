<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="letter">
    <p>To <xsl:value-of select="to"/>: <xsl:value-of select="text"/></p>
  </xsl:template>
</xsl:stylesheet>
