/**
 * Rules for implementations of the wire format in any language: the kit drives programs that speak
 * the peer protocol (see {@code qds-tck/spec/peer-protocol.md}) as child processes, in pairs.
 * {@link io.qadataswap.tck.live.LiveTck} is the entry. Needs, beyond what the rest of the kit
 * needs, {@code jackson-databind}, {@code junit-jupiter-params}, and for Arrow tables {@code
 * qds-codec-arrow}.
 */
package io.qadataswap.tck.live;
