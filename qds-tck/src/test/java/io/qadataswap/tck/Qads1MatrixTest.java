package io.qadataswap.tck;

/** The matrix with native access, by which the layout qads1 carries values, too. */
class Qads1MatrixTest extends MatrixTck {}
