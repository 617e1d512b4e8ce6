/**
 * One log for everything in the process, on standard error: modules that use SLF4J, and those that
 * must not and use the platform's logger, come out alike.
 */
package dev.outboard.host.log;
