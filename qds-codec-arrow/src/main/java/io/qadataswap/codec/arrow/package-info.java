/** Arrow data in a channel's messages. */
package io.qadataswap.codec.arrow;
