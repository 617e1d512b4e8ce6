/** Figures on their way out: tables for people, JSON for machines, the middle of many samples. */
package dev.outboard.perf.report;
