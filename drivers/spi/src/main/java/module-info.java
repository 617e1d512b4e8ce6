/**
 * What a driver sees of its device, and what a client sees of a driver.
 *
 * <p>A driver module {@code provides} {@link dev.outboard.driver.Driver}; a program that uses a
 * running driver from inside its process {@code provides} {@link dev.outboard.driver.Client}.
 */
module dev.outboard.driver {
    requires transitive dev.outboard.dma;

    exports dev.outboard.driver;
    exports dev.outboard.driver.block;
    exports dev.outboard.driver.net;
}
