/**
 * Failing on purpose, so that tests see what every failure leaves behind. Without its system
 * property at the start of the virtual machine there is nothing here.
 */
package dev.outboard.uio.failure;
