import dev.outboard.driver.Client;
import dev.outboard.examples.CountFrames;
import dev.outboard.examples.DumpSectors;
import dev.outboard.examples.KeepFrames;
import dev.outboard.examples.SendFrames;
import dev.outboard.examples.UdpEcho;

/** Small complete programs to copy: each a client of a driver. */
module dev.outboard.examples {
    requires dev.outboard.driver;
    requires dev.outboard.netty;

    provides Client with
            CountFrames,
            DumpSectors,
            KeepFrames,
            SendFrames,
            UdpEcho;
}
