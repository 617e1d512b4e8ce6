/**
 * What a block driver gives its client: queues of requests on DMA memory, each owned by one thread.
 */
package dev.outboard.driver.block;
