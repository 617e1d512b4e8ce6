/**
 * {@code outboard mediator}: a process of its own that owns memory and tables, for drivers that are
 * not trusted with them.
 */
package dev.outboard.host.mediator;
