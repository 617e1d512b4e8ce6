/** The virtio block driver. */
module dev.outboard.virtio.blk {
    requires dev.outboard.virtio;

    provides dev.outboard.driver.Driver with
            dev.outboard.virtio.blk.VirtioBlkDriver;
}
