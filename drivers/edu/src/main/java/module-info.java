/** The driver of QEMU's teaching device: the one to copy. */
module dev.outboard.edu {
    requires transitive dev.outboard.driver;

    exports dev.outboard.edu;

    provides dev.outboard.driver.Driver with
            dev.outboard.edu.EduDriver;
    provides dev.outboard.driver.Client with
            dev.outboard.edu.EduCheck,
            dev.outboard.edu.EduStray;
}
