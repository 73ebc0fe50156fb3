package org.example.mmap;

import io.qadataswap.tck.MatrixTck;

// tag::matrix[]
class MatrixTckTest extends MatrixTck {}
// end::matrix[]
