/** The driver of Intel gigabit controllers of the 82574 kind. */
module dev.outboard.e1000e {
    requires dev.outboard.frames;

    provides dev.outboard.driver.Driver with
            dev.outboard.e1000e.E1000eDriver;
}
