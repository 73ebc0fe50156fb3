/**
 * Tests that each channel, layout and codec must pass: a plugin's own build extends the abstract
 * class of its kind by a class whose name ends in {@code TckTest}, and names the plugin there. The
 * rule that a test holds the plugin to stands in the test's display name.
 */
package io.qadataswap.tck;
