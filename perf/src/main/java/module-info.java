import dev.outboard.driver.Client;
import dev.outboard.driver.Driver;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.perf.attack.AttackCommand;
import dev.outboard.perf.attack.HostileCommand;
import dev.outboard.perf.bench.BenchCommand;
import dev.outboard.perf.demo.DemoCommand;
import dev.outboard.perf.disk.DiskCheckClient;
import dev.outboard.perf.disk.DiskFillClient;
import dev.outboard.perf.disk.DiskReadClient;
import dev.outboard.perf.disk.DiskSha256Client;
import dev.outboard.perf.dmaperf.DeviceCommand;
import dev.outboard.perf.dmaperf.DmaPerfCommand;
import dev.outboard.perf.dmaperf.DriverCommand;
import dev.outboard.perf.guest.ChecksCommand;
import dev.outboard.perf.guest.GuestCommand;
import dev.outboard.perf.hotplug.HotplugCommand;
import dev.outboard.perf.nvmeperf.NvmePerfCommand;
import dev.outboard.perf.physperf.PhysPerfCommand;
import dev.outboard.perf.poolperf.PoolPerfCommand;
import dev.outboard.perf.stream.StreamEchoClient;
import dev.outboard.perf.stream.StreamReceiveClient;
import dev.outboard.perf.stream.StreamSendClient;
import dev.outboard.perf.traffic.GenerateClient;
import dev.outboard.perf.traffic.LoadClient;
import dev.outboard.perf.traffic.RoundTripClient;
import dev.outboard.perf.traffic.SinkClient;
import dev.outboard.perf.traffic.TripDeviceCommand;
import dev.outboard.perf.versus.StreamEndCommand;
import dev.outboard.perf.versus.VersusCommand;

/**
 * The demo, the benchmarks and the clients that measure drivers from inside their process.
 *
 * <p>Exports nothing: the command finds its words, and the host its clients, as services.
 */
module dev.outboard.perf {
    requires dev.outboard.backend;
    requires dev.outboard.host;
    requires dev.outboard.virtio;
    requires com.fasterxml.jackson.core;
    requires HdrHistogram;
    requires java.desktop;
    requires jdk.management;
    // JMH is no module and cannot say that it needs it.
    requires jdk.unsupported;
    requires jmh.core;
    requires me.tongfei.progressbar;
    requires xchart;

    opens dev.outboard.perf.attack to
            info.picocli;
    opens dev.outboard.perf.bench to
            info.picocli;
    opens dev.outboard.perf.demo to
            info.picocli;
    opens dev.outboard.perf.dmaperf to
            info.picocli;
    opens dev.outboard.perf.guest to
            info.picocli;
    opens dev.outboard.perf.hotplug to
            info.picocli;
    opens dev.outboard.perf.nvmeperf to
            info.picocli;
    opens dev.outboard.perf.physperf to
            info.picocli;
    opens dev.outboard.perf.poolperf to
            info.picocli;
    opens dev.outboard.perf.traffic to
            info.picocli;
    opens dev.outboard.perf.versus to
            info.picocli;
    opens dev.outboard.perf.jmh to
            jmh.core;
    opens dev.outboard.perf.jmh.jmh_generated to
            jmh.core;

    // The NVMe driver, whose ring is measured.
    uses Driver;

    provides Client with
            StreamSendClient,
            StreamReceiveClient,
            StreamEchoClient,
            GenerateClient,
            SinkClient,
            RoundTripClient,
            LoadClient,
            DiskCheckClient,
            DiskFillClient,
            DiskReadClient,
            DiskSha256Client;
    provides Subcommand with
            DemoCommand,
            BenchCommand,
            VersusCommand,
            StreamEndCommand,
            TripDeviceCommand,
            HotplugCommand,
            GuestCommand,
            ChecksCommand,
            DmaPerfCommand,
            DriverCommand,
            DeviceCommand,
            PoolPerfCommand,
            PhysPerfCommand,
            NvmePerfCommand,
            AttackCommand,
            HostileCommand;
}
