/** Tests that each channel, layout and codec must pass. */
package io.qadataswap.tck;
