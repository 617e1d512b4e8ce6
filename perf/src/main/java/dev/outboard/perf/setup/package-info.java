/**
 * What measuring commands set up around a mapping service: a folder with processes in it, and the
 * seat of a driver, which is memory and a domain of whichever owner.
 *
 * <pre>
 *   command ── starts ──► driver process ── Seat ──► IommuOwner in it, or the mediator
 *          └── starts ──► device process ── IommuAttachment ──► the owner's socket
 * </pre>
 */
package dev.outboard.perf.setup;
