/** A user's module: it names the codec that it uses; the backend is found on the path. */
module org.example.raw {
  requires io.qadataswap.codec.raw;
}
