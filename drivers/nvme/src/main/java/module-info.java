/** The NVMe driver. */
module dev.outboard.nvme {
    requires dev.outboard.driver;

    provides dev.outboard.driver.Driver with
            dev.outboard.nvme.NvmeDriver;
}
