/**
 * The {@code outboard} command: finds its words, runs one, and turns every failure into one line.
 */
package dev.outboard.host.cli;
