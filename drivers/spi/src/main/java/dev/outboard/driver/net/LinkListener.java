package dev.outboard.driver.net;

/** Hears of a link. */
@FunctionalInterface
public interface LinkListener {
    /** The link went up, or down. */
    void onLink(boolean isUp);
}
