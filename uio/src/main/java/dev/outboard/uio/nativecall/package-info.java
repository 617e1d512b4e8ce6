/**
 * The one place where Java becomes C: every system call of the project goes through here. Not
 * exported.
 *
 * <pre>
 *   dev.outboard.uio ──┬─► ControlCalls ─► JNR-FFI (LibC) ─┐
 *                      │                                   ├─► C library ─► Linux
 *                      └─► DataCalls ────► Panama ─────────┘
 * </pre>
 *
 * <p>Every method answers as the kernel does: zero or more is success, less than zero is the error
 * number negated. The error number is always captured, and {@link
 * dev.outboard.uio.nativecall.ErrorNames} names it. The layer above decides which errors are
 * outcomes and which are exceptions.
 */
package dev.outboard.uio.nativecall;
