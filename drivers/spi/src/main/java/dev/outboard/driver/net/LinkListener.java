package dev.outboard.driver.net;

/** Hears of a link. */
@FunctionalInterface
public interface LinkListener {
    /** The link went up, or down. */
    void onLink(boolean isUp);

    /**
     * The device wants this interface's addresses told to the network, as after a move to another
     * host (VIRTIO 1.2, section 5.1.6.5.4). The device is told that it was heard.
     */
    default void onAnnounce() {}
}
