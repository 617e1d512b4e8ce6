/** The other side of a virtqueue, for tests of this module and of the drivers. */
package dev.outboard.virtio.peer;
