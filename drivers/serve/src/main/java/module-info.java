import dev.outboard.driver.Client;
import dev.outboard.serve.ServeClient;

/** Offers a network driver's interface to another process, over vhost-user. */
module dev.outboard.serve {
    requires dev.outboard.backend;
    requires dev.outboard.driver;
    requires dev.outboard.internet;
    requires dev.outboard.virtio;
    requires org.slf4j;

    provides Client with
            ServeClient;
}
