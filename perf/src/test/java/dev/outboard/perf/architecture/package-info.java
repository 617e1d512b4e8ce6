/** What holds the modules apart. */
package dev.outboard.perf.architecture;
