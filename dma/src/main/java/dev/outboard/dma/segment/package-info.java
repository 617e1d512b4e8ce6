/**
 * Physical segments: which page frames are there, and whose segment each belongs to, while memory
 * is plugged and unplugged.
 *
 * <pre>
 *   plug, unplug ──► one lock ──► next snapshot, beside the present one ──► published: a reference
 *                                                                                │
 *   find, valid, start, next … ◄── no lock, no allocation, one moment ◄──────────┘
 *
 *   SortedArraySegments   the static baseline: a handle is an index, and moves with it
 *   RedBlackSegments      the paper's: a handle stays
 *   DirectorySegments     what is shipped: a handle stays, and find costs the same, however many
 * </pre>
 *
 * <p>Source: the paper on NetBSD's {@code uvm_hotplug(9)} (2017), and its {@code uvm_physseg}.
 * Frames are page frame numbers: physical addresses in units of 4 KiB.
 */
package dev.outboard.dma.segment;
