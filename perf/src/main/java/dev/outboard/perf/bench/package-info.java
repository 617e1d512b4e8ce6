/** {@code outboard bench}: runs the micro-benchmarks and prints what they cost. */
package dev.outboard.perf.bench;
