import dev.outboard.clients.Forward;
import dev.outboard.clients.NetFetch;
import dev.outboard.clients.NetPing;
import dev.outboard.driver.Client;

/** Programs that speak the Internet's protocols over any network driver. */
module dev.outboard.clients {
    requires dev.outboard.driver;
    requires dev.outboard.internet;

    provides Client with
            NetPing,
            NetFetch,
            Forward;
}
