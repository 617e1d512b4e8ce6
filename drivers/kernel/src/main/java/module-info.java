import dev.outboard.driver.Client;
import dev.outboard.kernel.TapClient;

/** Ways from a network driver into the kernel's network stack, and to its interfaces. */
module dev.outboard.kernel {
    requires dev.outboard.driver;

    provides Client with
            TapClient;
}
