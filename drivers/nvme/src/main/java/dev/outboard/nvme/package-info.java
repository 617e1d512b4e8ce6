/**
 * The NVMe driver (NVM Express Base Specification 1.4): an admin queue, and as many pairs of rings
 * for I/O as the host wants, each with one thread, one interrupt vector and one mapping service.
 *
 * <pre>
 *   client ── read, write ──► NamespaceQueue ─┐ of each namespace
 *                             NamespaceQueue ─┴► NvmeQueue ──► CommandRing ── Doorbell ──► device
 *   client ◄─ poll(handler) ──────────────────── NvmeQueue ◄── CommandRing ◄───────────── device
 *                                                   │ Requests: what is under way, by slot
 *                                                   │ DataPointers: PRP, SGL, ranges
 *   Controller   enables, resets; its generation tells every queue that it was reset
 *   AdminQueue   identify, create and delete queues, abort, log pages; any thread
 *   EventWatch   a thread: health, changed namespaces, failure, also while nobody asks for anything
 * </pre>
 *
 * <p>A controller that fails is reset by whoever notices. Every queue then makes itself anew, on
 * its own thread, and sends again what was under way; what was sent too often fails by its tag, and
 * what will never be answered is named in the failure of the queue.
 *
 * <p>Doorbells are in memory where the controller takes that (Doorbell Buffer Config): one that
 * another program emulates can then look without being called, and sleep until it is.
 */
package dev.outboard.nvme;
