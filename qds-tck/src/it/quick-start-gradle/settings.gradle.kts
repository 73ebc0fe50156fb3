rootProject.name = "quick-start-gradle"
