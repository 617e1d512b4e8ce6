/**
 * What a network driver gives its client: queues of frames in DMA memory, each owned by one thread.
 */
package dev.outboard.driver.net;
