/** The tool. */
module io.qadataswap.cli {
  requires info.picocli;

  opens io.qadataswap.cli to
      info.picocli;
}
