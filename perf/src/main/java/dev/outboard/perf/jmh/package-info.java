/**
 * Micro-benchmarks: what one mapping, one translation, one trip through a ring costs. Run by {@code
 * outboard bench}.
 */
package dev.outboard.perf.jmh;
