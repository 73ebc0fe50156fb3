/** What the built-in layouts share. Not exported. */
package io.qadataswap.api.internal;
