package io.qadataswap.api;

/** Which messages carry the time of their commit. Taking it costs a clock read. */
public enum Timestamps {
  /** Every message. */
  ALWAYS,
  /** Messages of 4 KiB and more, beside which the clock read does not show. */
  LARGE,
  /** None. */
  NEVER
}
