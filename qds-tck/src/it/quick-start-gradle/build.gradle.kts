plugins {
  application
}

// tag::dependencies[]
repositories {
  mavenLocal()
  mavenCentral()
}

dependencies {
  implementation(platform("io.qadataswap:qds-bom:0.1.0-SNAPSHOT"))
  implementation("io.qadataswap:qds-codec-arrow")
  runtimeOnly("io.qadataswap:qds-shm-ffm")
}
// end::dependencies[]

sourceSets {
  main {
    java.srcDir("../quick-start-ffm/src/main/java")
  }
}

application {
  mainClass.set("org.example.quickstart.QuickStart")
  applicationDefaultJvmArgs = listOf("-Dqds.dir=$projectDir")
}
