/**
 * Netty over a network driver: a program changes the line that names its event loops and its
 * channel, and runs without the kernel's network.
 */
module dev.outboard.netty {
    requires transitive dev.outboard.driver;
    requires transitive io.netty.buffer;
    requires transitive io.netty.common;
    requires transitive io.netty.transport;
    requires dev.outboard.internet;

    exports dev.outboard.netty;
}
