import dev.outboard.driver.Client;
import dev.outboard.kernel.TapClient;
import dev.outboard.kernel.XdpClient;

/** Ways from a network driver into the kernel's network stack, and to its interfaces. */
module dev.outboard.kernel {
    requires dev.outboard.driver;

    provides Client with
            TapClient,
            XdpClient;
}
