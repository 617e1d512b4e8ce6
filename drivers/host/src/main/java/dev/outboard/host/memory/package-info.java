/**
 * {@code outboard memory}: shows the physical memory of a running driver, adds to it, and takes it
 * away again.
 */
package dev.outboard.host.memory;
