package org.example.trade;

// tag::record[]
/** A type of the user's own. */
public record Trade(long id, double price, int quantity, String symbol) {}
// end::record[]
