/**
 * The NVMe driver (NVM Express Base Specification 1.4): an admin queue, and one pair of rings for
 * I/O with an interrupt vector of its own.
 *
 * <pre>
 *   client ── read, write, flush ──► NvmeQueue ──► CommandRing ── doorbell ──► controller
 *   client ◄─ poll(handler) ──────── NvmeQueue ◄── CommandRing ◄────────────── controller
 *
 *   Controller   enables, resets; its generation tells every queue that it was reset
 *   AdminQueue   identify, create and delete queues, abort; any thread, one command at a time
 * </pre>
 *
 * <p>A controller that fails is reset by whoever notices. Every queue then makes itself anew, on
 * its own thread, and sends again what was under way; what was sent too often fails by its tag.
 */
package dev.outboard.nvme;
