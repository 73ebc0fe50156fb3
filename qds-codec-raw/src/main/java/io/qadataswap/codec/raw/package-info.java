/**
 * Messages without Arrow. {@link io.qadataswap.codec.raw.RawCodec} carries columns, which are
 * filled and read in place and which programs in other languages read, too; {@link
 * io.qadataswap.codec.raw.RawMessageCodec} carries a user's own types as Chronicle Bytes writes
 * them.
 *
 * <p>Both read and write through the channel's memory, which checks bounds and lifetime and stands
 * a file that is cut short; Chronicle's own native stores would do neither, so none is made here.
 * Chronicle is loaded by {@code RawMessageCodec} and by the stores of {@code RawColumn} alone: who
 * uses neither sees none of what it prints.
 */
package io.qadataswap.codec.raw;
