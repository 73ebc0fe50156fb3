/**
 * The backend named {@code ffm}: shared memory on {@code java.lang.foreign}.
 *
 * <p>A segment is mapped into a shared arena. Every access is checked by the JDK against bounds and
 * against the end of the arena, and closing a channel unmaps it at once: whoever comes later, from
 * any thread and through any buffer, gets an {@link java.lang.IllegalStateException}.
 *
 * <p>Mapping and access use no restricted method, so that there is neither a flag to set nor a
 * warning. The native calls for waiting are used only where the user has granted native access.
 */
package io.qadataswap.shm.ffm;
