/** Time, processor time and allocation over exactly the part of a run that is measured. */
package dev.outboard.perf.measure;
