/** The mapping service a driver sees: map, unmap, and memory to map. */
package dev.outboard.dma;
