/** The virtio network driver. */
module dev.outboard.virtio.net {
    requires dev.outboard.frames;
    requires dev.outboard.virtio;

    provides dev.outboard.driver.Driver with
            dev.outboard.virtio.net.VirtioNetDriver;
}
