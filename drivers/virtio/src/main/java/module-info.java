/** Virtio as both sides share it: layouts, feature bits, and the driver's side of virtqueues. */
module dev.outboard.virtio {
    requires transitive dev.outboard.driver;

    exports dev.outboard.virtio;
}
