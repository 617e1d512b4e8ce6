package dev.outboard.kernel;

import dev.outboard.driver.net.LinkListener;
import dev.outboard.uio.net.TapInterface;

/** The interface's carrier follows the device's link. On the driver's thread that hears of it. */
record TapLink(TapInterface tap) implements LinkListener {
    @Override
    public void onLink(boolean isUp) {
        tap.setCarrier(isUp);
    }
}
