/**
 * Data that proves where it came from: every byte is a function of a seed, a number and a position,
 * so that whoever reads it can check all of it without having a copy.
 */
package dev.outboard.perf.pattern;
